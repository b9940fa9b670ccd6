from chassis.migrations import run_env

from case_svc.main import METADATA

run_env(METADATA)
