# What resize.c does.
WIDTH, HEIGHT, FACTOR = 640, 480, 4
picture = [[(x * 7 + y * 13 + (x * y >> 4)) & 255 for x in range(WIDTH)] for y in range(HEIGHT)]
total = 0
for y in range(0, HEIGHT, FACTOR):
    rows = picture[y:y + FACTOR]
    for x in range(0, WIDTH, FACTOR):
        pixel = sum(sum(row[x:x + FACTOR]) for row in rows) // (FACTOR * FACTOR)
        total = (total * 31 + pixel) & 0xFFFFFFFF
print(f"resize {total:08x}")
