"""The one long-lived process of a home: it makes true what rows ask for, and writes down what is so.

loop.py       wakes, lets every part look, sleeps         wake.py watch.py  what wakes it
due/          due times become rows, and their runs       builds.py         environments are made
queue/        runs: started in their turn, watched, ended engines.py        who answers
sessions/     sessions are made true, and looked after    warmth.py         what is kept ready for runs
notices.py    who is to be told                           disk.py           what is measured, planned and pruned
reconcile.py  what nobody owns is removed                 desk.py           what all parts share
"""
