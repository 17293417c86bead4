"""Every training is a run of MLflow: recorded on disk first, uploaded when the server answers."""
