"""Who may ask for which shared data, for what, until when (共享申请与授权)."""
