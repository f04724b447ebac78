print("hello from a step")
