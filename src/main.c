/* The program's first function. */
int main(void)
{
    return 0;
}
