"""What operators may do: every act of the command line, and later of the API and the console, is one function here.

One file per noun. In come settings or an open database and plain values; out come values to show. Acts are durable and
journalled when they return; GoodstandingError says what was wrong and what to do. Faces import it, nobody else.
"""
