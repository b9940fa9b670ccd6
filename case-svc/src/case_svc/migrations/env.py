from case_svc.main import METADATA
from chassis.database.migrations import run_env

run_env(METADATA)
