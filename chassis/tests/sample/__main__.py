from chassis.cli import main
from sample.main import create_service

main(create_service)
