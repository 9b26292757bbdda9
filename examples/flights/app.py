"""One hour ahead of every New York flight of 2013: will it arrive more than 15 minutes late, or never?"""

import forerun as fr
from nyc import nyc2013
from nyc_events import Arrived, Departed, Scheduled, Weather

app = fr.App("flights", source=nyc2013)
app.stream(Scheduled, key="flight", lateness="10m")
app.stream(Departed, key="flight", lateness="1h", freshness="45m")  # one in 126 is heard of after the hour
app.stream(Arrived, key="flight", lateness="10m", freshness="30m")
app.stream(Weather, key="origin", lateness="2h", freshness="2h")
late = fr.label(Arrived, Arrived.arr_delay > 15, within="36h", otherwise=True)  # never arrived is late


@app.features(Departed, by="origin")
class OriginNow:
    departures_2h = fr.count(over="2h")
    delay_30m = fr.mean(Departed.dep_delay, over="30m")
    delay_1h = fr.mean(Departed.dep_delay, over="1h")
    delay_3h = fr.mean(Departed.dep_delay, over="3h")
    late_share_3h = fr.mean(Departed.dep_delay > 15, over="3h")


@app.features(Scheduled, by="origin")
class OriginPlan:  # heard one hour ahead: what is due within the hour, and what was due from two hours ago on
    due_1h = fr.count(over="1h")
    due_3h = fr.count(over="3h")


@app.features(Departed, by=["carrier", "origin"])
class CarrierNow:
    delay_3h = fr.mean(Departed.dep_delay, over="3h")
    late_share_3h = fr.mean(Departed.dep_delay > 15, over="3h")


@app.features(Arrived, by="dest")
class DestNow:
    delay_3h = fr.mean(Arrived.arr_delay, over="3h")


@app.features(Arrived, by=["carrier", "origin", "dest"])
class RouteLately:
    delay_24h = fr.mean(Arrived.arr_delay, over="24h")
    delay_30d = fr.mean(Arrived.arr_delay, over="30d")


@app.features(Departed, by="tailnum")
class PlaneUp:  # the aircraft's last departure here; two days, not ever: docs/explanation/flights-data.md
    at = fr.last(Departed.at, over="2d")
    delay = fr.last(Departed.dep_delay, over="2d")


@app.features(Arrived, by="tailnum")
class PlaneDown:  # its last landing elsewhere
    at = fr.last(Arrived.at, over="2d")
    delay = fr.last(Arrived.arr_delay, over="2d")


@app.model(on=Scheduled, label=late, risk="low", warmup="90d")
class LateArrival(fr.Model):
    inputs = [
        [Scheduled.distance, Scheduled.planned_minutes, Scheduled.minute_of_day, Scheduled.weekday],
        fr.one_hot(Scheduled.carrier, ["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX"]),
        fr.one_hot(Scheduled.origin, ["EWR", "JFK", "LGA"]),
        [OriginNow, OriginPlan, CarrierNow, DestNow, RouteLately, PlaneUp.delay, PlaneDown.delay],
        fr.named("overdue", OriginPlan.due_3h - OriginPlan.due_1h - OriginNow.departures_2h),
        fr.named("plane_in_air", PlaneUp.at > PlaneDown.at),
        fr.named("min_since_plane_left", (Scheduled.at - PlaneUp.at) / fr.Duration("1m")),
        fr.named("min_since_plane_landed", (Scheduled.at - PlaneDown.at) / fr.Duration("1m")),
        [Weather.visib, Weather.precip, Weather.wind_speed, Weather.temp, Weather.humid],
    ]

    def fit(self, table: fr.Table) -> object:
        from lightgbm import LGBMClassifier

        trees = LGBMClassifier(n_estimators=200, learning_rate=0.05, colsample_bytree=0.5, verbose=-1)
        return trees.fit(table.features, table.label)


app.decide(LateArrival, when=LateArrival.score > 0.8, do=fr.emit("rebooking"))
