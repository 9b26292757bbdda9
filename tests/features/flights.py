"""An app that uses every part of a declaration, for the golden plan and the versions."""

import forerun as fr


def declare(*, lateness: str = "30m", over: str = "1h", extra: bool = False) -> fr.App:
    """The app, with some numbers to change."""
    app = fr.App("golden")

    @app.stream(key="flight", lateness="10m")
    class Scheduled(fr.Event):
        flight: str
        at: fr.EventTime
        origin: str
        dest: str
        tailnum: str | None
        distance: float
        seats: int | None

    @app.stream(
        key="flight",
        lateness=lateness,
        freshness="60s",
        max_skew="1m",
        duplicates="1d",
        id=["flight", "leg"],
        idle="10m",
    )
    class Departed(fr.Event):
        flight: str
        at: fr.EventTime
        leg: int
        origin: str
        tailnum: str | None
        dep_delay: float
        towed: bool | None

    @app.stream(key="origin", lateness="0s", topic="sky")
    class Weather(fr.Event):
        origin: str
        at: fr.EventTime
        seen: fr.Time | None
        visib: float | None
        code: str | None

    @app.features(Departed, by="origin", where=Departed.leg > 0)
    class OriginNow:
        departures = fr.count(over=over)
        towed = fr.count(Departed.towed, over="2h", where=Departed.dep_delay > 0)
        total = fr.sum(Departed.leg, over="1d")
        mean = fr.mean(Departed.dep_delay > 15, over="30m")
        low = fr.min(Departed.dep_delay)
        high = fr.max(Departed.dep_delay, over="1w")
        var = fr.var(Departed.dep_delay, over="1d")
        std = fr.std(Departed.dep_delay * 60, over="1d")
        rate = fr.rate(over="1h", per="1m")
        legs_per_s = fr.rate(Departed.leg, over="1h")
        first = fr.first(Departed.dep_delay, over="1d")
        left = fr.last(Departed.at)

    @app.features(Departed, by=["origin", "tailnum"])
    class PlaneHere:
        towed = fr.last(Departed.towed)

    @app.features(Departed, by="tailnum")
    class PlaneValues:
        skew = fr.skew(Departed.dep_delay, over="7d")
        origins = fr.top_k(Departed.origin, 3, over="7d")
        bases = fr.top_k(Departed.origin, 1, among=["JFK", "EWR"])
        delays = fr.last_n(Departed.dep_delay, 2)
        earliest = fr.first_n(Departed.at, 2, over="1d")
        places = fr.distinct(Departed.origin, max=50)
        legs = fr.approx_distinct(Departed.leg)
        median = fr.quantile(Departed.dep_delay, 0.5, over="7d")
        bins = fr.histogram(Departed.dep_delay, [0, 15, 60], over="7d")
        late_in_a_row = fr.streak(Departed.dep_delay > 15)
        pace = fr.ewm_count(half_life="1d")
        faded = fr.ewm_mean(Departed.dep_delay, half_life="1d", where=Departed.leg > 0)
        per_leg = fr.ratio(Departed.dep_delay, Departed.leg, over="7d")
        from_jfk = fr.share(Departed.origin, "JFK", over="7d")
        idle = fr.time_since(where=Departed.leg > 0)
        where_last = fr.last(Departed.origin)

    @app.features(Departed, by="tailnum")
    class PlaneWindows:
        week_to_yesterday = fr.count(over=fr.sliding("7d", ago="1d"))
        this_hour = fr.max(Departed.dep_delay, over=fr.tumbling("1h"))
        hop = fr.mean(Departed.dep_delay, over=fr.hopping("1h", every="15m"))
        today = fr.count(over=fr.today("America/New_York"))
        month = fr.sum(Departed.leg, over=fr.calendar("month", "UTC"))
        session = fr.count(over=fr.session("2h", max="2d"))
        last_ten = fr.std(Departed.dep_delay, over=fr.last_events(10), where=Departed.leg > 1)
        tiled = fr.mean(Departed.dep_delay, over=fr.tiled("90d", max_error=0.02))

    if extra:

        @app.stream(key="x", lateness="1m")
        class Extra(fr.Event):
            x: str
            at: fr.EventTime

    late = fr.label(Departed, Departed.dep_delay > 15, within="36h", otherwise=True)

    @app.model(on=Scheduled, label=late, risk="high", warmup="90d")
    class Late(fr.Model):
        """Late or not."""

        inputs = [  # as users write it
            [Scheduled.distance, Scheduled.seats],
            OriginNow,
            fr.bind(OriginNow, origin=Scheduled.dest).departures,
            PlaneHere.towed,
            PlaneValues,
            fr.named("at_base", PlaneValues.bases[0] == Scheduled.origin),
            fr.one_hot(Scheduled.origin, ["JFK", "EWR"]),
            fr.named("idle_s", fr.seconds(Scheduled.at - OriginNow.left)),
            fr.named("weather_age_s", fr.seconds(Scheduled.at - fr.given(Weather.seen))),
            Weather.visib,
        ]

        def fit(self, table: fr.Table) -> object:
            """Nothing is fitted here."""
            return table

    app.decide(Late, when=(Late.score > 0.8) & (OriginNow.departures > 3), do=fr.emit("rebooking"))
    app.decide(Late, when=(Late.score > 0.5) & (Scheduled.dest == "LAX"), do=fr.emit("lounge"), name="lax")
    return app
