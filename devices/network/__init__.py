"""The network of one concentrator: which modules hold a place in it, and by which route.

hop            one hop's quality, as its ends measure it
neighbours     who may hear whom: the power line's pairs, the radio's star
tree           the tree of routes: a module joins where fewest transmissions are expected
upkeep         keep-alives, loss of registration, ageing routes: the network as time passes
availability   how many keep-alives were heard, by meter and hour
ways           a meter's modules, power line and radio: which way first, and which then
"""
