"""The ways to ask a judge, one file each.

In: a `JudgeMeans` (a judge that is up, and what it can do) and candidates without a model's name. Out: `Judgement` and `PairJudgement`. A judge's
outage or an unreadable reply is a state of these, never an exception and never a score. Must not import the program, the store or a provider.
"""
