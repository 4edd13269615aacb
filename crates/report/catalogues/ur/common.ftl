# انگریزی فہرست: ../en/common.ftl

month-1 = جنوری
month-2 = فروری
month-3 = مارچ
month-4 = اپریل
month-5 = مئی
month-6 = جون
month-7 = جولائی
month-8 = اگست
month-9 = ستمبر
month-10 = اکتوبر
month-11 = نومبر
month-12 = دسمبر
day-and-time = { $day }، { $time } UTC

status-ok = قابلِ رسائی
status-blocked = بند
status-down = خود خراب
status-insufficient = فیصلے کے لیے ناکافی

confidence-low = کم
confidence-medium = درمیانہ
confidence-high = زیادہ

measurements =
    { $count ->
        [one] { $count } پیمائش
       *[other] { $count } پیمائشیں
    }
vantages =
    { $count ->
        [one] { $count } مقام سے دیکھا گیا
       *[other] { $count } مقامات سے دیکھا گیا
    }
