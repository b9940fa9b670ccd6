from catalog_svc.main import create_service
from chassis.cli import main

main(create_service)
