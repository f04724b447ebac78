/* A guest that imports what no WASI has. */
__attribute__((import_module("elsewhere"), import_name("wish"))) int wish(void);

int main(void)
{
	return wish();
}
