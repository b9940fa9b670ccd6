"""Kill processes while people work, then check that nothing was lost or doubled."""
