"""One hour ahead of every New York flight of 2013: will it arrive more than 15 minutes late, or never?"""

import forerun as fr
from nyc import nyc2013
from nyc_events import Arrived, Departed, Scheduled, Weather

app = fr.App("flights", source=nyc2013)
app.stream(Scheduled, key="flight", lateness="10m")
app.stream(Departed, key="flight", lateness="1h", freshness="5m")
app.stream(Arrived, key="flight", lateness="10m", freshness="5m")
app.stream(Weather, key="origin", lateness="2h", freshness="2h")


@app.features(Departed, by="origin")
class OriginNow:
    departures_30m = fr.count(over="30m")
    departures_1h = fr.count(over="1h")
    departures_3h = fr.count(over="3h")
    delay_30m = fr.mean(Departed.dep_delay, over="30m")
    delay_1h = fr.mean(Departed.dep_delay, over="1h")
    delay_3h = fr.mean(Departed.dep_delay, over="3h")
    late_share_3h = fr.mean(Departed.dep_delay > 15, over="3h")


@app.features(Arrived, by="carrier")
class CarrierNow:
    delay_1h = fr.mean(Arrived.arr_delay, over="1h")
    delay_3h = fr.mean(Arrived.arr_delay, over="3h")


@app.features(Arrived, by="dest")
class DestNow:
    delay_3h = fr.mean(Arrived.arr_delay, over="3h")


@app.features(Arrived, by=["origin", "dest"])
class RouteNow:
    delay_6h = fr.mean(Arrived.arr_delay, over="6h")
    delay_30d = fr.mean(Arrived.arr_delay, over="30d")


@app.features(Arrived, by="tailnum")
class PlaneDown:  # the aircraft's last landing
    delay = fr.last(Arrived.arr_delay)
    at = fr.last(Arrived.at)


@app.features(Departed, by="tailnum")
class PlaneUp:  # its last departure from New York
    at = fr.last(Departed.at)


late = fr.label(Arrived, Arrived.arr_delay > 15, within="36h", otherwise=True)  # never arrived is late


@app.model(on=Scheduled, label=late, risk="low", warmup="90d")
class LateArrival(fr.Model):
    inputs = [
        [Scheduled.distance, Scheduled.planned_minutes, Scheduled.minute_of_day, Scheduled.weekday],
        [Scheduled.month, Scheduled.seats, Scheduled.plane_year],
        fr.one_hot(Scheduled.carrier, ["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX"]),
        fr.one_hot(Scheduled.origin, ["EWR", "JFK", "LGA"]),
        [OriginNow, CarrierNow, DestNow, RouteNow, PlaneDown.delay],
        fr.named("plane_on_ground", PlaneDown.at > PlaneUp.at),
        fr.named("minutes_on_ground", (Scheduled.at - PlaneDown.at) / fr.Duration("1m")),
        [Weather.visib, Weather.precip, Weather.wind_speed, Weather.wind_gust, Weather.pressure],
    ]

    def fit(self, table: fr.Table) -> object:
        from lightgbm import LGBMClassifier

        trees = LGBMClassifier(n_estimators=300, learning_rate=0.05, num_leaves=31, n_jobs=2, verbose=-1)
        return trees.fit(table.features, table.label)


app.decide(LateArrival, when=LateArrival.score > 0.8, do=fr.emit("rebooking"))
