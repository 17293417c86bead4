"""The grounder: a dense model of where objects lie and what covers the ground, which proves statements."""
