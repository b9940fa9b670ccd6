"""`python -m case_svc`: serve, worker, migrate, openapi, asyncapi, revision."""

from case_svc.main import create_service
from chassis.cli import main

main(create_service)
