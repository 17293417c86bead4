"""The comparison of the arms: plan, cells, table and page."""
