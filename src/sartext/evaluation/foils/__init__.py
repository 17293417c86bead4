"""Foils: a true caption beside one in which exactly one fact is changed; which of the two does a model prefer?"""
