"""The comparison of the arms of progressive transfer over seeds and shares of the SAR captions."""
