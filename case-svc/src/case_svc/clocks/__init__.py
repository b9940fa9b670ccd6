"""Legal time: the working-day calendar and the periods computed with it. It knows no cases."""
