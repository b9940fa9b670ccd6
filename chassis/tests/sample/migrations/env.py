from chassis.database.migrations import run_env
from sample.main import Base

run_env(Base.metadata)
