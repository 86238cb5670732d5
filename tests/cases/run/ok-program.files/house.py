import json, sys

for line in sys.stdin:
    asked = json.loads(line)
    note = asked["takes"]["note"]
    print(json.dumps({"row": asked["row"], "gives": {"mark": None if note is None else note[::-1], "n": len(note or "")}}))
