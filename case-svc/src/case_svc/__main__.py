"""`python -m case_svc`: serve, worker, migrate, openapi, asyncapi, revision."""

from chassis.cli import main

from case_svc.main import create_service

main(create_service)
