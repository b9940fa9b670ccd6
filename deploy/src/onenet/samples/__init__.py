"""Sample data of the first start: divisions, departments, staff, citizens, companies, guides."""
