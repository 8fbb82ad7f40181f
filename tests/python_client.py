"""Approves a post, cancels it and previews a week with a client that tests/python_client.sh has generated."""

import sys
import time

from client import AuthenticatedClient
from client.api.jobs import get_job
from client.api.schedules import change_schedules, get_schedule, list_schedules
from client.api.what_if import preview_plan
from client.models import (
    ChangeSchedules,
    JobStatus,
    PlanResult,
    PreviewPlan,
    Problem,
    RiskLevel,
    ScheduleAction,
    ScheduleChange,
    SchedulePage,
    ScheduleStatus,
)


def main(url: str, token: str) -> None:
    with AuthenticatedClient(base_url=url, token=token) as client:
        page = list_schedules.sync(client=client, status=ScheduleStatus.PENDING)
        assert isinstance(page, SchedulePage), page
        # A high-risk post may need the approval of a second person.
        post = next(post for post in page.schedules if post.risk_level != RiskLevel.HIGH)

        approve = ChangeSchedules(action=ScheduleAction.APPROVE, schedule_id=post.id)
        first = change_schedules.sync(client=client, body=approve)
        assert isinstance(first, ScheduleChange) and first.ids == [post.id], first
        assert first.status == ScheduleStatus.READY and not first.schedules[0].repeated, first
        again = change_schedules.sync(client=client, body=approve)
        assert isinstance(again, ScheduleChange) and again.ids == first.ids and again.schedules[0].repeated, again
        record = get_schedule.sync(post.id, client=client)
        assert record.schedule.status == ScheduleStatus.READY and record.schedule.approved_by == "client", record

        cancel = ChangeSchedules(action=ScheduleAction.CANCEL, ids=[post.id], reason="sold out")
        cancelled = change_schedules.sync(client=client, body=cancel)
        assert cancelled.status == ScheduleStatus.CANCELLED and cancelled.changed == 1, cancelled
        refused = change_schedules.sync(client=client, body=approve)
        assert isinstance(refused, Problem) and refused.status == 409, refused

        job = preview_plan.sync(client=client, body=PreviewPlan())
        while job.status == JobStatus.RUNNING:
            time.sleep(0.2)
            job = get_job.sync(job.id, client=client)
        assert job.status == JobStatus.DONE and isinstance(job.result, PlanResult), job
    print("a generated Python client approved a post, cancelled it, and previewed a week")


main(*sys.argv[1:])
