"""The audit by people: a sample of the candidate to rate, the ratings that came back, and what they say."""
