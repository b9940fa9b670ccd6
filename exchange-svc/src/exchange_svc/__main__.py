"""`python -m exchange_svc serve | worker | migrate | openapi | asyncapi | revision`."""

from chassis.cli import main
from exchange_svc.main import create_service

main(create_service)
