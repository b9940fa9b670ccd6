from chassis.migrations import run_env
from sample.main import Base

run_env(Base.metadata)
