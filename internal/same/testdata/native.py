# A native numeric library with threads of its own.
import numpy
a = numpy.arange(250000, dtype=float).reshape(500, 500)
print(numpy.linalg.norm(a @ a), numpy.fft.fft(a[0])[:2], numpy.linalg.inv(numpy.eye(3) * 2).tolist())
a.tofile("x"); print(numpy.fromfile("x").sum())
