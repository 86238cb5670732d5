import sys

lines = sys.stdin.readlines()
print('{"row": 1, "gives": {"mark": "a"}}')
print('{"row": 2, "gives": {"mark": 7}}')
print("the second is odd", file=sys.stderr)
