from case_svc.main import METADATA
from chassis.migrations import run_env

run_env(METADATA)
