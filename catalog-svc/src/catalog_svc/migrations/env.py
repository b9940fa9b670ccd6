from catalog_svc.main import METADATA
from chassis.migrations import run_env

run_env(METADATA)
