"""Will this order be sent back? A forerun app; README.md walks through it."""

from orders import orders

import forerun as fr

app = fr.App("{{name}}", source=orders)


@app.stream(key="order", lateness="1h", freshness="10m", duplicates="2d")
class Ordered(fr.Event):
    """A customer orders one item."""

    order: str
    at: fr.EventTime
    customer: str
    product: str
    price: float


@app.stream(key="order", lateness="1h", duplicates="2d")
class Returned(fr.Event):
    """An item comes back."""

    order: str
    at: fr.EventTime
    customer: str
    product: str
    refund: float


@app.features(Ordered, by="product")
class ProductOrders:
    """What a product sells."""

    orders_3d = fr.count(over="3d")


@app.features(Returned, by="product")
class ProductReturns:
    """What of a product comes back: a bad batch shows here first."""

    returns_1d = fr.count(over="1d")
    returns_3d = fr.count(over="3d")
    returns_10d = fr.count(over="10d")


@app.features(Ordered, by="customer")
class CustomerOrders:
    """What a customer buys."""

    orders_60d = fr.count(over="60d")
    spent_60d = fr.sum(Ordered.price, over="60d")


@app.features(Returned, by="customer")
class CustomerReturns:
    """What a customer sends back."""

    returns_60d = fr.count(over="60d")


@app.model(
    on=Ordered,
    label=fr.label(Returned, Returned.refund > 0, within="3d", otherwise=False),
    risk="low",
    warmup="60d",
)
class WillReturn(fr.Model):
    """Will this order be sent back within three days?"""

    inputs = [
        Ordered.price,
        ProductOrders,
        ProductReturns,
        fr.named("product_share_3d", ProductReturns.returns_3d / ProductOrders.orders_3d),
        CustomerOrders,
        CustomerReturns,
        fr.named("customer_share_60d", CustomerReturns.returns_60d / CustomerOrders.orders_60d),
    ]

    def fit(self, table: fr.Table) -> object:
        """Train on the vectors that were served and the labels that came."""
        from lightgbm import LGBMClassifier

        model = LGBMClassifier(n_estimators=60, num_leaves=7, min_child_samples=100, verbose=-1)
        return model.fit(table.features, table.label)


app.decide(WillReturn, when=WillReturn.score > 0.5, do=fr.emit("offer-help"))
