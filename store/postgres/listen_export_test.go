package postgres

// ProveDelivery is how a listener finds out whether it is heard.
var ProveDelivery = proveDelivery
