"""What can go wrong with the calendar.

Invalid
└── BadCalendar   422  a day outside the year, or named twice
"""

from chassis.errors import Invalid


class BadCalendar(Invalid):
    slug = "bad-calendar"
