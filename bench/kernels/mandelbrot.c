/* A tight f64 loop with an exit that data decides: how long each point of a grid stays bounded. */
#include <stdint.h>
#include <stdio.h>

enum { WIDTH = 640, HEIGHT = 400, LIMIT = 800 };

static int escape_time(double cx, double cy)
{
	double x = 0, y = 0;
	for (int i = 0; i < LIMIT; i++) {
		double xx = x * x, yy = y * y;
		if (xx + yy > 4)
			return i;
		y = 2 * x * y + cy;
		x = xx - yy + cx;
	}
	return LIMIT;
}

int main(void)
{
	uint32_t sum = 0;
	for (int row = 0; row < HEIGHT; row++)
		for (int column = 0; column < WIDTH; column++)
			sum = sum * 31 +
			      (uint32_t)escape_time(column * 3.0 / WIDTH - 2.2, row * 2.4 / HEIGHT - 1.2);
	printf("mandelbrot %08x\n", (unsigned)sum);
	return 0;
}
