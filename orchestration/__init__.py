"""Dagster over DVC: the assets, checks, jobs and schedules that ``dvc.yaml`` implies."""
