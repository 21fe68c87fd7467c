"""The JSON of the two APIs, one class for each shape: what a gateway answers is what a client holds, and what a client
sends is what a gateway parses. One module for each resource; `view` and `body` say what holds for all of them.
"""
