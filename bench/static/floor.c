/* The floor under every start: a process that does nothing. */
int main(void)
{
	return 0;
}
