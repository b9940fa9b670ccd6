from chassis.database.migrations import run_env
from exchange_svc.main import METADATA

run_env(METADATA)
