/* f64 arithmetic in registers: planets that attract each other, moved by the leapfrog method. */
#include "bench/kernels/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BODIES = 6, STEPS = 360000 };

struct body {
	double x, y, z, vx, vy, vz, mass;
};

static struct body bodies[BODIES];

/* Between -1 and 1, exact in f64. */
static double random_real(uint32_t *state)
{
	return (double)(int32_t)random_next(state) / 2147483648.0;
}

static void scatter(void)
{
	uint32_t state = 4711;
	for (int i = 0; i < BODIES; i++) {
		struct body *body = &bodies[i];
		body->x = 8 * random_real(&state);
		body->y = 8 * random_real(&state);
		body->z = random_real(&state);
		body->vx = 0.4 * random_real(&state);
		body->vy = 0.4 * random_real(&state);
		body->vz = 0.1 * random_real(&state);
		body->mass = i == 0 ? 20 : 0.01;
	}
}

static void step(double dt)
{
	for (int i = 0; i < BODIES; i++) {
		struct body *a = &bodies[i];
		for (int j = i + 1; j < BODIES; j++) {
			struct body *b = &bodies[j];
			double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
			double square = dx * dx + dy * dy + dz * dz + 0.05;
			double pull = dt / (square * sqrt(square));
			a->vx -= dx * b->mass * pull;
			a->vy -= dy * b->mass * pull;
			a->vz -= dz * b->mass * pull;
			b->vx += dx * a->mass * pull;
			b->vy += dy * a->mass * pull;
			b->vz += dz * a->mass * pull;
		}
	}
	for (int i = 0; i < BODIES; i++) {
		bodies[i].x += dt * bodies[i].vx;
		bodies[i].y += dt * bodies[i].vy;
		bodies[i].z += dt * bodies[i].vz;
	}
}

int main(void)
{
	uint64_t sum = 0, bits;
	scatter();
	for (int i = 0; i < STEPS; i++)
		step(0.001);
	for (int i = 0; i < BODIES; i++) {
		memcpy(&bits, &bodies[i].x, sizeof bits);
		sum = sum * 31 + bits;
		memcpy(&bits, &bodies[i].vy, sizeof bits);
		sum = sum * 31 + bits;
	}
	printf("nbody %016llx\n", (unsigned long long)sum);
	return 0;
}
