"""The one long-lived process of a home: it makes true what rows ask for, and writes down what is so.

loop.py       wakes, lets every part look, sleeps        wake.py clock.py   what wakes it
schedules.py  due times become runs                      builds.py          environments are made
dispatch.py   queued runs are started                    runs.py endings.py are watched and ended
sessions.py   sessions are made true (starting.py)       engines.py         who answers
upkeep.py     and looked after (idle.py)                 gauge.py           what they take, while somebody looks
reconcile.py  what nobody owns is removed                desk.py            what all parts share
"""
