from chassis.database.migrations import run_env
from identity_svc.main import METADATA

run_env(METADATA)
