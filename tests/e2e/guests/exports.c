/* A guest without _start: functions of every number type, to be called by --invoke. */
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name))) name

static int initialized;

void EXPORT(_initialize)(void)
{
	initialized = 1;
}

int32_t EXPORT(is_initialized)(void)
{
	return initialized;
}

int32_t EXPORT(add)(int32_t a, int32_t b)
{
	return (int32_t)((uint32_t)a + (uint32_t)b);
}

int64_t EXPORT(mul64)(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a * (uint64_t)b);
}

float EXPORT(half)(float a)
{
	return a / 2;
}

double EXPORT(sum)(double a, double b)
{
	return a + b;
}

int32_t EXPORT(divide)(int32_t a, int32_t b)
{
	return a / b;
}

void EXPORT(nothing)(void)
{
}
