"""The data store and its reports: interfaces I7 to I10 of the use case (seed 004, figure 1).

What the head-end has stored is carried into Parquet files, a day of a table at a time; what cannot
be carried is kept with its reason.  Reports and other parties read the files, never the database.
"""
