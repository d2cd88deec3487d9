"""`ami explain`: how an order, a meter or a concentrator came to where it stands."""
