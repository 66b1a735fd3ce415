"""enforcement: what is done about it. It acts and does not measure, and it is never silent.

In: charges of `reputation`, replies of providers, words of operators and tenants. Out: moves on the ladder, each with
orders for the rest of the program, a notice to the tenant and a line in the journal. Pure but for `act`, which writes
one transaction. The rooms before it read the orders (`in_force`) at their next turn; nobody is called backwards.
"""
