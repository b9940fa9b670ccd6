from catalog_svc.main import METADATA
from chassis.database.migrations import run_env

run_env(METADATA)
