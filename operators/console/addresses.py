"""The addresses of what waits for people, of acts and of the system; `urls.py` includes them."""

from __future__ import annotations

from django.urls import URLPattern, path

from operators.console.lists import LISTS
from operators.console.reports import REPORTS, ConsoleReport, file_route, plot_route
from operators.console.views import (
    acts,
    bulk,
    exports,
    holds,
    lists,
    news,
    notices,
    overview,
    posters,
    reports,
    retries,
    switches,
    system,
    templates,
)
from operators.console.views.lists import one_route

_ONE = {name: ("verdict",) if name == "uncertain" else tuple(listing.one) for name, listing in LISTS.items()}


def _of_list(name: str) -> list[URLPattern]:
    """A list, its verbs on one notice, and its verbs on many."""
    of_one = [
        path(f"{name}/<int:number>/{verb}", notices.do, {"name": name, "verb": verb}, name=one_route(name, verb))
        for verb in _ONE[name]
    ]
    of_many = [
        one
        for verb in LISTS[name].many
        for one in (
            path(f"{name}/{verb}/new", bulk.new, {"name": name, "verb": verb}, name=f"{name}_{verb}_new"),
            path(f"{name}/{verb}", bulk.begin, {"name": name, "verb": verb}, name=f"{name}_{verb}"),
        )
    ]
    return [path(name, lists.show, {"name": name}, name=name), *of_one, *of_many]


def _of_report(report: ConsoleReport) -> list[URLPattern]:
    """A report, its plot, and the same as a file."""
    name, given = report.name, {"name": report.name}
    return [
        path(f"reports/{name}", reports.show, given, name=report.route),
        path(f"reports/{name}.svg", reports.as_plot, given, name=plot_route(report)),
        path(f"reports/{name}.<slug:form>", reports.as_file, given, name=file_route(report)),
    ]


urlpatterns = [
    path("overview", overview.show, name="overview"),
    path("overview/<slug:name>.svg", overview.as_plot, name="overview_plot"),
    path("inbox", lists.inbox, name="inbox"),
    *(one for name in LISTS for one in _of_list(name)),
    path("unreachable.csv", lists.desk_file, name="unreachable_file"),
    path("retries", retries.show, name="retries"),
    path("acts", acts.index, name="acts"),
    path("acts/<int:number>", acts.show, name="act"),
    path("acts/<int:number>/stop", acts.stop, name="act_stop"),
    path("acts/<int:number>/resume", acts.resume, name="act_resume"),
    path("reports", reports.index, name="reports"),
    *(one for report in REPORTS.values() for one in _of_report(report)),
    path("posters", posters.show, name="posters"),
    path("posters.zip", posters.as_archive, name="posters_file"),
    path("posters/<str:unit>.<slug:form>", posters.as_file, name="poster_file"),
    path("news", news.show, name="news"),
    path("templates", templates.index, name="templates"),
    path("templates/<slug:kind>", templates.show, name="template"),
    path("templates/<slug:kind>/versions", templates.add, name="template_versions"),
    path("templates/<slug:kind>/trials", templates.try_out, name="template_trials"),
    path("templates/<slug:kind>/versions/<int:number>/approval", templates.approve, name="template_approval"),
    path("templates/<slug:kind>/versions/<int:number>/refusal", templates.refuse, name="template_refusal"),
    path("templates/<slug:kind>/versions/<int:number>/return", templates.go_back, name="template_return"),
    path("exports", exports.index, name="exports"),
    path("exports/<int:number>", exports.as_file, name="export_file"),
    path("system", system.show, name="system"),
    path("holds/<path:key>/lift", holds.end, name="hold_lift"),
    path("switches", switches.index, name="switches"),
    path("switches/<int:number>/end", switches.end, name="switch_end"),
]
